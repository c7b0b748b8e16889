package vn.bienban.sample

import android.app.Application
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import vn.bienban.AndroidKeyStore
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.NetworkHint
import vn.bienban.OpenOptions

/** Holds the one folder that this app has open, as long as its process lives. */
class SampleApplication : Application() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private var opening: Deferred<Bienban>? = null

    /** Opens the folder once; after a failure the next call tries again. */
    @OptIn(ExperimentalCoroutinesApi::class)
    @Synchronized
    fun opened(): Deferred<Bienban> {
        opening?.takeIf { !it.isCompleted || it.getCompletionExceptionOrNull() == null }?.let { return it }
        return scope.async { open() }.also { opening = it }
    }

    private suspend fun open(): Bienban {
        val keys = AndroidKeyStore(File(noBackupFilesDir, "keys"))
        val app = Bienban.open(File(noBackupFilesDir, "bienban"), keys, OpenOptions(patienceMs = 5_000))
        tellOfNetworks(app)
        if (app.me().hub != null) app.startBackgroundSync()
        // Rights that were ended: what is left of the folder is of no use to anybody.
        scope.launch { app.wipeOrders.collect { if (it.erased) app.close() } }
        return app
    }

    /** This phone is known to a server from now on. */
    fun enrolled(app: Bienban) {
        scope.launch {
            try {
                app.startBackgroundSync()
            } catch (_: BienbanException) {
                // The ledger's screen tells of it, and its button exchanges.
            }
        }
    }

    /** The background stays connected, waits or is sparing as the system says. */
    private fun tellOfNetworks(app: Bienban) {
        val manager = getSystemService(ConnectivityManager::class.java)
        var met: Network? = null

        fun tell(hint: NetworkHint) {
            try {
                app.setNetwork(hint)
            } catch (_: BienbanException.Closed) {
                // Nobody needs to know any more.
            }
        }
        manager.registerDefaultNetworkCallback(
            object : ConnectivityManager.NetworkCallback() {
                override fun onLost(network: Network) = tell(NetworkHint(offline = true))

                override fun onCapabilitiesChanged(
                    network: Network,
                    capabilities: NetworkCapabilities,
                ) {
                    val metered = !capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
                    tell(NetworkHint(metered = metered, addressChanged = met != null && met != network))
                    met = network
                }
            },
        )
        if (manager.activeNetwork == null) tell(NetworkHint(offline = true))
    }
}
