package android.os;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public final class LocaleList { public java.util.Locale get(int index) { return null; } }
