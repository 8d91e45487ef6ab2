// How the functions of FakeHost that are defined outside of their classes are compiled: into every
// program that includes keel/fake.hpp; or once for several, which takes seconds off each of them.
// For that all their sources are compiled with KEEL_FAKE_SEPARATE, and one source more that says
//
//   #define KEEL_FAKE_SOURCE
//   #include <keel/fake.hpp>
//
// keel_plugin_test() does so by itself.
#pragma once

#ifdef KEEL_FAKE_SEPARATE
#define KEEL_FAKE_FN
#else
#define KEEL_FAKE_FN inline
#endif
