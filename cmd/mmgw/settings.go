package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// readSettings reads the values of --set, as settings of a plugin or a list. A value that
// is written as an array of strings is an array, any other is a string.
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
