package android.net;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class ConnectivityManager {
    public static class NetworkCallback { public void onLost(Network network) { }
    public void onCapabilitiesChanged(Network network, NetworkCapabilities capabilities) { }
}
    public void registerDefaultNetworkCallback(NetworkCallback callback) { }
    public Network getActiveNetwork() { return null; }
}
