//! The clients, each as its own documentation describes it.

use super::{
    client::{
        Base, Beside, Client, File, Home, Place, References, Scope, Speaks, Spelling, System,
    },
    edit::Format,
};

const MCP_SERVERS: &[Home] = &[Home::At(&["mcpServers"])];
/// Its first version, and its second.
const MCP: &[Home] = &[Home::At(&["mcp"]), Home::At(&["mcp", "servers"])];
const SERVERS: &[Home] = &[Home::At(&["servers"])];

const fn at(base: Base, path: &'static str) -> Place {
    on(System::Any, base, path)
}

const fn on(system: System, base: Base, path: &'static str) -> Place {
    Place { system, base, path }
}

const fn json(scope: Scope, homes: &'static [Home], places: &'static [Place]) -> File {
    File {
        scope,
        places,
        format: Format::Json,
        homes,
    }
}

/// All of them.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "claude-desktop",
        title: "Claude Desktop",
        docs: "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        files: &[json(
            Scope::User,
            MCP_SERVERS,
            &[
                on(
                    System::MacOs,
                    Base::Library,
                    "Claude/claude_desktop_config.json",
                ),
                on(
                    System::Windows,
                    Base::AppData,
                    "Claude/claude_desktop_config.json",
                ),
                on(
                    System::Linux,
                    Base::XdgConfig,
                    "Claude/claude_desktop_config.json",
                ),
            ],
        )],
        spelling: Spelling::USUAL,
    },
    Client {
        name: "claude-code",
        title: "Claude Code",
        docs: "https://code.claude.com/docs/en/mcp",
        files: &[
            json(
                Scope::User,
                &[
                    Home::At(&["mcpServers"]),
                    Home::OfProjects("projects", "mcpServers"),
                ],
                &[at(Base::Named("CLAUDE_CONFIG_DIR", ""), ".claude.json")],
            ),
            json(
                Scope::Project,
                MCP_SERVERS,
                &[at(Base::Project, ".mcp.json")],
            ),
        ],
        spelling: Spelling {
            needed: &["envFile", "oauth", "auth", "headersHelper"],
            references: References::Braces,
            beside: &[("type", Beside::Text("stdio"))],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "cursor",
        title: "Cursor",
        docs: "https://cursor.com/docs/context/mcp",
        files: &[
            json(
                Scope::User,
                MCP_SERVERS,
                &[at(Base::Home, ".cursor/mcp.json")],
            ),
            json(
                Scope::Project,
                MCP_SERVERS,
                &[at(Base::Project, ".cursor/mcp.json")],
            ),
        ],
        spelling: Spelling {
            references: References::Editor,
            ..Spelling::USUAL
        },
    },
    Client {
        name: "vscode",
        title: "VS Code",
        docs: "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        files: &[
            json(
                Scope::User,
                SERVERS,
                &[
                    on(System::Linux, Base::XdgConfig, "Code/User/mcp.json"),
                    on(
                        System::Linux,
                        Base::XdgConfig,
                        "Code/User/profiles/*/mcp.json",
                    ),
                    on(
                        System::Linux,
                        Base::XdgConfig,
                        "Code - Insiders/User/mcp.json",
                    ),
                    on(System::Linux, Base::XdgConfig, "VSCodium/User/mcp.json"),
                    on(System::MacOs, Base::Library, "Code/User/mcp.json"),
                    on(
                        System::MacOs,
                        Base::Library,
                        "Code/User/profiles/*/mcp.json",
                    ),
                    on(
                        System::MacOs,
                        Base::Library,
                        "Code - Insiders/User/mcp.json",
                    ),
                    on(System::MacOs, Base::Library, "VSCodium/User/mcp.json"),
                    on(System::Windows, Base::AppData, "Code/User/mcp.json"),
                    on(
                        System::Windows,
                        Base::AppData,
                        "Code/User/profiles/*/mcp.json",
                    ),
                    on(
                        System::Windows,
                        Base::AppData,
                        "Code - Insiders/User/mcp.json",
                    ),
                    on(System::Windows, Base::AppData, "VSCodium/User/mcp.json"),
                ],
            ),
            json(
                Scope::Project,
                SERVERS,
                &[at(Base::Project, ".vscode/mcp.json")],
            ),
        ],
        spelling: Spelling {
            references: References::Editor,
            beside: &[("type", Beside::Text("stdio"))],
            dropped: &[
                "type",
                "disabled",
                "enabled",
                "dev",
                "gallery",
                "version",
                "description",
            ],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "windsurf",
        title: "Windsurf",
        docs: "https://docs.windsurf.com/windsurf/cascade/mcp",
        files: &[json(
            Scope::User,
            MCP_SERVERS,
            &[
                at(Base::Home, ".codeium/windsurf/mcp_config.json"),
                // Newer builds.
                at(Base::Home, ".codeium/mcp_config.json"),
            ],
        )],
        spelling: Spelling {
            urls: &[("serverUrl", Speaks::Either), ("url", Speaks::Either)],
            without: &["disabledTools"],
            references: References::Editor,
            ..Spelling::USUAL
        },
    },
    Client {
        name: "zed",
        title: "Zed",
        docs: "https://zed.dev/docs/ai/mcp",
        files: &[
            json(
                Scope::User,
                &[Home::At(&["context_servers"])],
                &[
                    on(System::Linux, Base::XdgConfig, "zed/settings.json"),
                    on(System::MacOs, Base::Home, ".config/zed/settings.json"),
                    on(System::Windows, Base::AppData, "Zed/settings.json"),
                ],
            ),
            json(
                Scope::Project,
                &[Home::At(&["context_servers"])],
                &[at(Base::Project, ".zed/settings.json")],
            ),
        ],
        spelling: Spelling {
            dropped: &["source", "enabled", "timeout", "remote"],
            needed: &["settings", "oauth"],
            beside: &[("source", Beside::Text("custom"))],
            no_servers: &["extension"],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "codex",
        title: "Codex",
        docs: "https://developers.openai.com/codex/mcp",
        files: &[
            File {
                scope: Scope::User,
                places: &[at(Base::Named("CODEX_HOME", ".codex"), "config.toml")],
                format: Format::Toml,
                homes: &[Home::At(&["mcp_servers"])],
            },
            File {
                scope: Scope::Project,
                places: &[at(Base::Project, ".codex/config.toml")],
                format: Format::Toml,
                homes: &[Home::At(&["mcp_servers"])],
            },
        ],
        spelling: Spelling {
            headers: &["http_headers"],
            bearer_variable: Some("bearer_token_env_var"),
            header_variables: Some("env_http_headers"),
            only: &["enabled_tools"],
            without: &["disabled_tools"],
            dropped: &[
                "enabled",
                "startup_timeout_sec",
                "startup_timeout_ms",
                "tool_timeout_sec",
                "required",
            ],
            needed: &["env_vars", "scopes", "oauth_resource", "bearer_token"],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "gemini",
        title: "Gemini CLI",
        docs: "https://geminicli.com/docs/tools/mcp-server/",
        files: &[
            json(
                Scope::User,
                MCP_SERVERS,
                &[at(Base::Home, ".gemini/settings.json")],
            ),
            json(
                Scope::Project,
                MCP_SERVERS,
                &[at(Base::Project, ".gemini/settings.json")],
            ),
        ],
        spelling: Spelling {
            urls: &[("httpUrl", Speaks::Http), ("url", Speaks::Either)],
            only: &["includeTools"],
            without: &["excludeTools"],
            dropped: &["timeout", "trust", "description", "type", "name"],
            needed: &[
                "authProviderType",
                "oauth",
                "targetAudience",
                "targetServiceAccount",
            ],
            references: References::Dollar,
            ..Spelling::USUAL
        },
    },
    Client {
        name: "cline",
        title: "Cline",
        docs: "https://docs.cline.bot/mcp/configuring-mcp-servers",
        files: &[json(
            Scope::User,
            MCP_SERVERS,
            &[
                at(Base::Home, ".cline/data/settings/cline_mcp_settings.json"),
                on(
                    System::Linux,
                    Base::XdgConfig,
                    "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
                ),
                on(
                    System::MacOs,
                    Base::Library,
                    "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
                ),
                on(
                    System::Windows,
                    Base::AppData,
                    "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
                ),
            ],
        )],
        spelling: Spelling {
            references: References::Editor,
            ..Spelling::USUAL
        },
    },
    Client {
        name: "continue",
        title: "Continue",
        docs: "https://docs.continue.dev/customize/deep-dives/mcp",
        files: &[
            File {
                scope: Scope::User,
                places: &[at(Base::Home, ".continue/config.yaml")],
                format: Format::Yaml,
                homes: MCP_SERVERS,
            },
            File {
                scope: Scope::Project,
                places: &[
                    at(Base::Project, ".continue/mcpServers/*.yaml"),
                    at(Base::Project, ".continue/mcpServers/*.yml"),
                ],
                format: Format::Yaml,
                homes: MCP_SERVERS,
            },
            json(
                Scope::Project,
                MCP_SERVERS,
                &[at(Base::Project, ".continue/mcpServers/*.json")],
            ),
        ],
        spelling: Spelling {
            headers: &["requestOptions", "headers"],
            dropped: &["type", "connectionTimeout", "faviconUrl", "name"],
            needed: &["sourceFile", "apiKey"],
            references: References::Secrets,
            beside: &[("name", Beside::Name)],
            name: Some("name"),
            ..Spelling::USUAL
        },
    },
    Client {
        name: "opencode",
        title: "opencode",
        docs: "https://opencode.ai/docs/mcp-servers/",
        files: &[
            json(
                Scope::User,
                MCP,
                &[
                    at(Base::XdgConfig, "opencode/opencode.json"),
                    at(Base::XdgConfig, "opencode/opencode.jsonc"),
                ],
            ),
            json(
                Scope::Project,
                MCP,
                &[
                    at(Base::Project, "opencode.json"),
                    at(Base::Project, "opencode.jsonc"),
                    at(Base::Project, ".opencode/opencode.json"),
                    at(Base::Project, ".opencode/opencode.jsonc"),
                ],
            ),
        ],
        spelling: Spelling {
            args: None,
            env: &["environment"],
            dropped: &["type", "enabled", "timeout"],
            needed: &["oauth"],
            references: References::Curly,
            beside: &[
                ("type", Beside::Text("local")),
                ("enabled", Beside::Flag(true)),
            ],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "lm-studio",
        title: "LM Studio",
        docs: "https://lmstudio.ai/docs/app/mcp",
        files: &[json(
            Scope::User,
            MCP_SERVERS,
            &[
                at(Base::Home, ".lmstudio/mcp.json"),
                at(Base::Home, ".cache/lm-studio/mcp.json"),
            ],
        )],
        spelling: Spelling::USUAL,
    },
    Client {
        name: "goose",
        title: "goose",
        docs: "https://block.github.io/goose/docs/guides/config-files",
        files: &[File {
            scope: Scope::User,
            places: &[
                on(System::Linux, Base::XdgConfig, "goose/config.yaml"),
                on(System::MacOs, Base::Home, ".config/goose/config.yaml"),
                on(
                    System::Windows,
                    Base::AppData,
                    "Block/goose/config/config.yaml",
                ),
            ],
            format: Format::Yaml,
            homes: &[Home::At(&["extensions"])],
        }],
        spelling: Spelling {
            command: "cmd",
            env: &["envs"],
            urls: &[("uri", Speaks::Either)],
            no_servers: &["builtin", "platform", "frontend", "inline_python"],
            only: &["available_tools"],
            dropped: &[
                "type",
                "name",
                "enabled",
                "timeout",
                "description",
                "bundled",
                "display_name",
            ],
            needed: &["env_keys", "socket"],
            beside: &[
                ("name", Beside::Name),
                ("type", Beside::Text("stdio")),
                ("enabled", Beside::Flag(true)),
            ],
            ..Spelling::USUAL
        },
    },
    Client {
        name: "junie",
        title: "JetBrains Junie",
        docs: "https://www.jetbrains.com/help/junie/model-context-protocol-mcp.html",
        files: &[
            json(
                Scope::User,
                MCP_SERVERS,
                &[at(Base::Home, ".junie/mcp/mcp.json")],
            ),
            json(
                Scope::Project,
                MCP_SERVERS,
                &[at(Base::Project, ".junie/mcp/mcp.json")],
            ),
        ],
        spelling: Spelling::USUAL,
    },
    Client {
        name: "copilot-jetbrains",
        title: "GitHub Copilot in JetBrains",
        docs: "https://docs.github.com/en/copilot/how-tos/provide-context/use-mcp/extend-copilot-chat-with-mcp",
        files: &[json(
            Scope::User,
            SERVERS,
            &[
                on(
                    System::Linux,
                    Base::XdgConfig,
                    "github-copilot/intellij/mcp.json",
                ),
                on(
                    System::MacOs,
                    Base::Home,
                    ".config/github-copilot/intellij/mcp.json",
                ),
                on(
                    System::Windows,
                    Base::Home,
                    "AppData/Local/github-copilot/intellij/mcp.json",
                ),
            ],
        )],
        spelling: Spelling {
            headers: &["requestInit", "headers"],
            references: References::Editor,
            ..Spelling::USUAL
        },
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write, path::Path};

    use super::*;
    use crate::init::client::Bases;

    #[test]
    fn where_files_are_on_each_system() {
        let mut told = String::new();
        for (system, home) in [
            (System::Linux, "/home/ann"),
            (System::MacOs, "/Users/ann"),
            (System::Windows, "C:/Users/ann"),
        ] {
            let bases = Bases {
                system,
                home: home.into(),
                env: Vec::new(),
            };
            writeln!(told, "{system:?}").unwrap();
            for client in CLIENTS {
                let places = client.files.iter().flat_map(|file| file.places);
                for place in places {
                    if let Some(base) = bases.base(place, Some(Path::new("(project)"))) {
                        let path = base.join(place.path);
                        writeln!(told, "  {}: {}", client.title, path.display()).unwrap();
                    }
                }
            }
        }
        insta::assert_snapshot!("places", told);
    }

    #[test]
    fn variables_of_the_clients_move_their_files() {
        let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let bases = Bases {
            system: System::Linux,
            home: "/home/ann".into(),
            env: vec![
                var("XDG_CONFIG_HOME", "/xdg"),
                var("CODEX_HOME", "/codex"),
                var("CLAUDE_CONFIG_DIR", "relative"),
            ],
        };
        let first = |name: &str| {
            let client = CLIENTS.iter().find(|client| client.name == name).unwrap();
            let places = client.files[0].places.iter();
            let mut paths =
                places.filter_map(|place| Some(bases.base(place, None)?.join(place.path)));
            paths.next().unwrap()
        };
        assert_eq!(first("zed"), Path::new("/xdg/zed/settings.json"));
        assert_eq!(first("codex"), Path::new("/codex/config.toml"));
        assert_eq!(first("claude-code"), Path::new("/home/ann/.claude.json"));
    }

    #[test]
    fn every_client_has_a_name_of_its_own_and_a_page() {
        let names: BTreeSet<_> = CLIENTS.iter().map(|client| client.name).collect();
        assert_eq!(names.len(), CLIENTS.len());
        for client in CLIENTS {
            assert!(client.docs.starts_with("https://"), "{}", client.name);
            for system in [System::Linux, System::MacOs, System::Windows] {
                let mut places = client.files.iter().flat_map(|file| file.places);
                let here = |place: &Place| [System::Any, system].contains(&place.system);
                assert!(places.any(here), "{} on {system:?}", client.name);
            }
        }
    }
}
