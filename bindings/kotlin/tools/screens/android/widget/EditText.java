package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class EditText extends TextView {
    public EditText(android.content.Context context) { super(context); }
    @Override public android.text.Editable getText() { return null; }
}
