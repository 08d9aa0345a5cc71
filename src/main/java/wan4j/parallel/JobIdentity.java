package wan4j.parallel;

import java.util.List;

/// What all ranks of a job must have in common.
///
/// @param version of wan4j
/// @param request what was asked for, a word a line
public record JobIdentity(String version, String request) {
  private static final int LONGEST = 80; // letters of a word that is told

  /// Returns what sets another rank apart from rank 0, which has this, as the end of a sentence
  /// with the cure; null where nothing does.
  String differenceOf(JobIdentity other) {
    if (!version.equals(other.version)) {
      return "runs wan4j %s, but rank 0 runs %s; install the same version on all hosts"
          .formatted(other.version, version);
    }
    if (request.equals(other.request)) {
      return null;
    }
    List<String> own = request.lines().toList();
    List<String> others = other.request.lines().toList();
    int at = 0;
    while (at < own.size() && at < others.size() && own.get(at).equals(others.get(at))) {
      at++;
    }
    return "was given %s where rank 0 was given %s; start all ranks with the same command line"
        .formatted(word(others, at), word(own, at));
  }

  private static String word(List<String> words, int at) {
    if (at >= words.size()) {
      return "nothing more";
    }
    String word = words.get(at);
    return "\"%s\"".formatted(word.length() > LONGEST ? word.substring(0, LONGEST) + "…" : word);
  }
}
