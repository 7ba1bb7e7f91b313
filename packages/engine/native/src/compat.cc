// Hidden definitions that keep the imports at glibc 2.28 and libstdc++ 8.
#include <cstdlib>

extern "C" {
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}
#ifdef __GLIBCXX__
namespace std {
__attribute__((visibility("hidden"))) void __throw_bad_array_new_length() { abort(); }
}  // namespace std
#endif
