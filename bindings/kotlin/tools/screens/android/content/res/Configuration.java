package android.content.res;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public final class Configuration { public android.os.LocaleList getLocales() { return null; } }
