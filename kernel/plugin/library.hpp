// A plugin's shared object in this process: loaded from a private copy, and taken out again with
// proof. The only place that loads or unloads code. [control]
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "keel/abi.h"
#include "kernel/base/result.hpp"

namespace keel::kernel {

struct Unmapped {
  bool unmapped = true;
  std::string reason;  // why the code is still mapped; empty when it is not
};

class Library {
 public:
  Library();
  Library(Library&& other) noexcept;
  Library& operator=(Library&& other) noexcept;  // unloads what it held
  ~Library();                                    // unloads

  // Copies `original` to `<run_dir>/<name>-<generation>.so` and loads the copy: a path whose file
  // changed gives the old code or a crash. The plugin's static constructors run, nothing else.
  static Result<Library> load(const std::string& original, const std::string& run_dir,
                              const std::string& name, std::uint32_t generation);

  bool loaded() const { return state_ != nullptr; }
  const keel_plugin_entry* entry() const;  // not looked into yet: see check_entry
  const std::string& file() const;         // the copy
  // Whether `address` is in the library's code or data.
  bool contains(const void* address) const;

  // Unloads and looks whether the code is gone. The copy is removed. With KEEL_KEEP_MAPPED=1 in
  // the environment both stay, so that reports of leaks can name the plugin's functions.
  Unmapped unload();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether any loaded object has `address` in it; `executable`: as code.
bool is_mapped(const void* address);
bool is_mapped_code(const void* address);

// Makes the folder for the copies, with mode 0700, and removes what an earlier process left there.
// At boot, before anything is loaded.
Result<void> empty_run_dir(const std::string& run_dir);

}  // namespace keel::kernel
