package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// readSettings reads the values of --set as a table `config` has them. A value that is
// written as an array of texts is one, everything else is text.
func readSettings(texts []string) (map[string]any, error) {
	settings := map[string]any{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--set is key=value, not %q", text)
		}
		var values []any
		settings[key] = value
		if strings.HasPrefix(value, `["`) && json.Unmarshal([]byte(value), &values) == nil {
			settings[key] = values
		}
	}
	return settings, nil
}
