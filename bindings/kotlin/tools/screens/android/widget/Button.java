package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Button extends TextView { public Button(android.content.Context context) { super(context); } }
