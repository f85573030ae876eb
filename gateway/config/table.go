package config

import (
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// ParseTable reads TOML as a table of any keys, such as the settings of a module.
// The error names the line.
func ParseTable(text string) (map[string]any, error) {
	table := map[string]any{}
	err := toml.Unmarshal([]byte(text), &table)
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := at.Position()
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	return table, err
}
