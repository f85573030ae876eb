package modules

// rollbackContentsMin is on how many distinct contents a version on trial must fail,
// and the one before must not, for that to take its place back. It is more than one,
// so that a single odd message changes nothing, and small, since each costs two calls.
const rollbackContentsMin = 3

// outdoneOn counts a content on which the version on trial failed and the one before
// did not. After rollbackContentsMin of them the version before takes its place back.
func (m *Module) outdoneOn(v *Version, key contentKey, err error) {
	m.log.Error("the new version failed, the one before ruled in its place", "handler", m.name, "module", v.ModuleName(), "error", err)
	before := m.takeBack(v, key)
	if before == nil {
		return
	}
	m.log.Error("ALARM: rolled back: the new version fails where the one before does not",
		"handler", m.name, "from", v.ModuleName(), "to", before.ModuleName(), "contents", rollbackContentsMin, "error", err)
	if m.rolledBack != nil {
		m.rolledBack(v, before)
	}
	v.drop()
}

// takeBack counts a content, and returns the version that took its place back. It
// returns nil if there are too few contents yet, or another call has done it.
func (m *Module) takeBack(v *Version, key contentKey) *Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.present != v || m.before == nil {
		return nil
	}
	if m.outdone == nil {
		m.outdone = map[contentKey]bool{}
	}
	m.outdone[key] = true
	if len(m.outdone) < rollbackContentsMin {
		return nil
	}
	m.present, m.before, m.outdone = m.before, nil, nil
	m.rollbacks++
	return m.present
}
