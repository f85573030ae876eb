// Package admin is how commands look at a gateway and change it, and how a
// monitor sees whether it is well.
//
// There is one mechanism for a gateway that runs and for one that does not: a
// table of Operations by name. A running gateway serves them with Handler on a
// Unix socket that only its owner can open, and a Client calls them. Without a
// socket the same table is used in the process itself. Either way a result is
// what JSON makes of it, and an error carries the exit code of the command.
//
// Health is for monitors: numbers, and whether to send mail here.
package admin
