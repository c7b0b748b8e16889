package android.content;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public interface DialogInterface { interface OnClickListener { void onClick(DialogInterface dialog, int which); } interface OnCancelListener { void onCancel(DialogInterface dialog); }
}
