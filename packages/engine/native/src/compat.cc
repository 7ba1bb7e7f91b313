// Hidden definitions that keep what the addon imports at glibc 2.28 and the libstdc++ of GCC 8.
// Without them a build on a newer system asks for GLIBC_2.32 and GLIBCXX_3.4.29 and does not load
// on the oldest systems Node itself supports.
#include <cstdlib>

extern "C" {
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

#ifdef __GLIBCXX__
namespace std {
__attribute__((visibility("hidden"))) void __throw_bad_array_new_length() { abort(); }
}  // namespace std
#endif
