package android.app;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Application extends android.content.Context { }
