package plugin

// ServeWith is Serve with more options for its gRPC server, such as a codec that garbles.
var ServeWith = serve

// FromStatus and FromManifest decode what comes from a plugin's process.
var (
	FromStatus   = fromStatus
	FromManifest = fromManifest
	FromMessage  = fromMessage
	DecodeCard   = decodeCard
)

// SocketIn reports whether a plugin whose sockets are to be in a directory may say that it listens there.
func SocketIn(dir, network, address string) error {
	_, _, err := (&process{dir: dir}).PluginToHost(network, address)

	return err
}
