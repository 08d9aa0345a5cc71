package wan4j.bench;

import wan4j.EngineOptions;
import wan4j.Task;
import wan4j.VideoRequest;

/// One way of making videos, which is compared with another.
///
/// @param name what the results call it
/// @param against the name of the configuration whose videos are the truth; its own where it is one
/// @param options how its engine is set up
/// @param requests what it asks of that engine
public record QualityConfiguration(
    String name, String against, EngineOptions options, Requests requests) {
  /// What a configuration asks for.
  public interface Requests {
    /// Returns the request for a prompt, whose noise the seed alone decides.
    VideoRequest of(Task task, String prompt, long seed);
  }

  /// Says whether others are compared with this one.
  boolean isTruth() {
    return name.equals(against);
  }
}
