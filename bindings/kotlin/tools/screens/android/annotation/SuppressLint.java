package android.annotation;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public @interface SuppressLint { String[] value(); }
