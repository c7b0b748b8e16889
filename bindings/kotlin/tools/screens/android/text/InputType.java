package android.text;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public interface InputType { int TYPE_CLASS_TEXT = 1; int TYPE_TEXT_FLAG_CAP_SENTENCES = 0x4000; }
