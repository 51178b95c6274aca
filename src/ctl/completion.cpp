// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/completion.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace amp::ctl {
namespace {

void add_cases(std::string& out, const CLI::App& app, const std::string& path) {
    std::string words;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        words += command->get_name() + " ";
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames()) words += "--" + name + " ";
    out += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words);
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        add_cases(out, *command, path.empty() ? command->get_name() : path + " " + command->get_name());
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
    std::string cases;
    add_cases(cases, app, "");
    const std::string head = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
    return head +
           "_ampctl() {\n"
           "  local word path=\"\" words=\"\"\n"
           "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "    case \"$word\" in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
           "  done\n"
           "  case \"$path\" in\n" +
           cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "complete -F _ampctl ampctl\n";
}

}  // namespace amp::ctl
