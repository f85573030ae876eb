// Package admin is how commands inspect and change a gateway, and how a monitor sees
// whether it is well.
//
// The mechanism is the same whether a gateway runs or not: a table of Operations by
// name. A running gateway serves them with Handler on a Unix socket that only its owner
// can open, and a Client calls them. Without a socket the command uses the table in its
// own process. Either way the result passes through JSON, and an error carries the exit
// code of the command.
//
// Health is for monitors: numbers, and whether to send mail here.
package admin
