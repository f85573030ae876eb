package modules

// rollbackContentsMin is on how many distinct contents a version must fail, and
// the one before must not, until that takes its place back: more than one, so
// that a single odd message changes nothing, and few, as each costs two calls.
const rollbackContentsMin = 3

// outdoneOn notes that a version failed on a content on which the one before
// did not. The last content that it takes makes the one before the present one
// again.
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

// takeBack returns the version that took its place back, or nil: there is
// nothing to be done yet, or another call has done it.
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
