#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "emqx_store/tests/fault_fs.hpp"

namespace emqx_store::test {
namespace {

// An environment that owns what it stands on, with threads of its own.
FailingFs::Error error_of(std::string_view text) {
  if (text == "ENOSPC") return FailingFs::Error::no_space;
  if (text == "EIO") return FailingFs::Error::io;
  throw std::invalid_argument("KEEL_STORE_FAULT: neither ENOSPC nor EIO: " + std::string(text));
}

void set_every(FailingFs& fs, const std::string& value) {
  const std::size_t colon = value.find(':');
  const std::uint32_t n = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  if (n == 0 || colon == std::string::npos) {
    throw std::invalid_argument("KEEL_STORE_FAULT: fail_every=N:ENOSPC or N:EIO, not " + value);
  }
  fs.fail_every(n, error_of(std::string_view(value).substr(colon + 1)));
}

void set_one(FailingFs& fs, const std::string& word) {
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const std::string value = equals != std::string::npos ? word.substr(equals + 1) : std::string();
  if (name == "fail_every") return set_every(fs, value);
  if (name == "full_while" && !value.empty()) {
    return fs.fail_while(value, FailingFs::Error::no_space);
  }
  if (name == "failing_while" && !value.empty()) return fs.fail_while(value, FailingFs::Error::io);
  throw std::invalid_argument("KEEL_STORE_FAULT: not known: " + word);
}

}  // namespace

std::unique_ptr<rocksdb::Env> make_faulty_env(const std::string& faults) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < faults.size();) {
    const std::size_t end = std::min(faults.find(',', begin), faults.size());
    words.push_back(faults.substr(begin, end - begin));
    begin = end + 1;
  }
  std::shared_ptr<rocksdb::FileSystem> fs = rocksdb::FileSystem::Default();
  if (std::erase(words, "lost_page_cache") != 0) fs = std::make_shared<LostCacheFs>(fs);
  if (!words.empty()) {
    const auto failing = std::make_shared<FailingFs>(fs);
    for (const std::string& word : words) set_one(*failing, word);
    fs = failing;
  }
  return rocksdb::NewCompositeEnv(fs);
}

}  // namespace emqx_store::test
