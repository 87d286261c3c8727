//! An agent of launchd (`launchd.plist(5)`).

use super::Service;

/// For the person who runs the command.
pub(super) fn agent(service: &Service) -> String {
    let words = std::iter::once(service.program.display().to_string())
        .chain(service.arguments.iter().cloned());
    let words: Vec<String> = words
        .map(|word| format!("    <string>{}</string>\n", escaped(&word)))
        .collect();
    format!(
        "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- durward for one person. Keep this as ~/Library/LaunchAgents/dev.durward.plist, and then:
       launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/dev.durward.plist -->
<plist version=\"1.0\">
<dict>
  <key>Label</key>
  <string>dev.durward</string>
  <key>ProgramArguments</key>
  <array>
{}  </array>
  <key>WorkingDirectory</key>
  <string>{}</string>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>{}</integer>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
",
        words.concat(),
        escaped(&service.folder.display().to_string()),
        service.drain + 10
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
