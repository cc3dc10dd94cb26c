package wire

// Names remembers repaired folder names and the server's spelling of them.
type Names struct{}

// NewNames returns an empty table.
func NewNames() *Names { return &Names{} }
