#pragma once

#include <functional>
#include <string>
#include <vector>

/// A whole file; throws where it cannot be read.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

/// A model file with the numbers of one initializer changed, as a forger would; signed anew, its card vouches for it.
std::string forge(const std::string& model, const std::string& initializer, const std::function<void(std::vector<float>&)>& change,
                  bool is_signed);
