package android.net;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public final class NetworkCapabilities {
    public static final int NET_CAPABILITY_NOT_METERED = 11;
    public boolean hasCapability(int capability) { return false; }
}
