#pragma once
#include "celeris/loop.h"

namespace celeris {

/// Runs a COMMAND record. Commands act at once; they name a request whose answer is still owed.
void run_command(Loop& loop, Connection& connection, const ResponseRecord& record);
/// Tells core what it asked to be told: room for output (PULL), a socket to take (HIJACK).
void report_wanted(Loop& loop, Connection& connection);
/// Gives up a connection whose socket core takes; the descriptor is the caller's from then on, or
/// -1 when there is none to take. What was received and not used is left in `rest`.
[[nodiscard]] int take_descriptor(Loop& loop, Connection& connection, Buffer& rest);

}  // namespace celeris
