package android.app;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class AlertDialog extends Dialog {
    public static class Builder {
        public Builder(android.content.Context context) { }
        public Builder setTitle(CharSequence title) { return this; }
        public Builder setMessage(CharSequence message) { return this; }
        public Builder setMessage(int message) { return this; }
        public Builder setView(android.view.View view) { return this; }
        public Builder setItems(CharSequence[] items, android.content.DialogInterface.OnClickListener listener) { return this; }
        public Builder setPositiveButton(int text, android.content.DialogInterface.OnClickListener listener) { return this; }
        public Builder setNegativeButton(int text, android.content.DialogInterface.OnClickListener listener) { return this; }
        public Builder setNeutralButton(int text, android.content.DialogInterface.OnClickListener listener) { return this; }
        public Builder setOnCancelListener(android.content.DialogInterface.OnCancelListener listener) { return this; }
        public AlertDialog show() { return null; }
    }
}
