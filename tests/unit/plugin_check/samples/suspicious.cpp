#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <thread>

#include "sample.h"

extern "C" int OPENSSL_atexit(void (*)()) __attribute__((weak));

void (*const uses[])() = {
    [] { std::thread([] {}).join(); },
    [] {
      pthread_key_t key;
      pthread_key_create(&key, nullptr);
    },
    [] {
      if (fork() == 0) exit(0);
    },
    [] { signal(SIGTERM, SIG_IGN); },
    [] { setlocale(LC_ALL, ""); },
    [] {
      if (chdir("/") != 0) abort();
    },
    [] { OPENSSL_atexit(nullptr); },
};
__attribute__((used)) auto keep = uses;
