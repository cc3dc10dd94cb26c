package imapscript

// SetPassword changes what LOGIN accepts from now on, quoted as the client
// quotes it.
func (m *Mailbox) SetPassword(quoted string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Password = quoted
}

// DropAll breaks every connection that is open now.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}
