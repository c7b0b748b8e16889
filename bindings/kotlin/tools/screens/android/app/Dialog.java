package android.app;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Dialog implements android.content.DialogInterface { public void dismiss() { } }
