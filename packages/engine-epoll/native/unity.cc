// The shared C++ of packages/engine/native, compiled into this addon as one unit.
#include "compat.cc"
