#include "kernel/plugin/own_threads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace keel::kernel {
namespace {

constexpr const char* kTasks = "/proc/self/task";
constexpr int kMoments = 50;  // of a millisecond

// Of the broker's threads that start others while plugins are loaded; a thread is called like the
// one that started it until it says otherwise. The control thread has no such name.
constexpr std::string_view kKernelName = "keel/";

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc{} && end != text.data();
}

// The word after `n` others.
std::string_view word(std::string_view text, int n) {
  for (; n > 0; --n) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return {};
    text.remove_prefix(space + 1);
  }
  return text.substr(0, text.find(' '));
}

}  // namespace

struct OwnThreads::Seen {
  Thread thread;
  std::string name;
};

// False: there is no such thread, or it is only waited for. Out of "ID (NAME) STATE ...", where
// NAME may have any characters in it; the start is the 22nd field.
bool OwnThreads::look(pid_t id, Seen& out) {
  std::ifstream file(fmt::format("{}/{}/stat", kTasks, id));
  char octets[1024];
  file.read(octets, sizeof octets);  // nothing, if it has just ended
  const std::string line(octets, static_cast<std::size_t>(file.gcount()));
  const std::size_t open = line.find('('), close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= line.size())
    return false;
  const std::string_view rest = std::string_view(line).substr(close + 2);
  if (rest[0] == 'Z' || rest[0] == 'X') return false;
  out.thread.id = id;
  out.name = line.substr(open + 1, close - open - 1);
  return read_number(word(rest, 19), out.thread.start);
}

std::vector<OwnThreads::Thread> OwnThreads::all() {
  std::vector<Thread> threads;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(kTasks, failed), end; !failed && at != end;
       at.increment(failed)) {
    pid_t id = 0;
    Seen seen;
    if (read_number(at->path().filename().native(), id) && look(id, seen))
      threads.push_back(seen.thread);
  }
  return threads;
}

void OwnThreads::add_since(const std::vector<Thread>& before) {
  for (const Thread& thread : all()) {
    Seen seen;
    if (std::ranges::find(before, thread) != before.end() || !look(thread.id, seen)) continue;
    if (seen.thread == thread && !seen.name.starts_with(kKernelName)) threads_.push_back(thread);
  }
}

bool OwnThreads::ended() {
  std::erase_if(threads_, [](const Thread& thread) {
    Seen seen;
    return !look(thread.id, seen) || seen.thread != thread;
  });
  return threads_.empty();
}

bool OwnThreads::ended_in_a_moment() {
  for (int i = 0; i < kMoments && !ended(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return threads_.empty();
}

std::string OwnThreads::text() const {
  return threads_.empty() ? std::string() : fmt::format("thread {} still runs", threads_[0].id);
}

}  // namespace keel::kernel
