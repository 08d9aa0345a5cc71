package wan4j.cli.bench;

import picocli.CommandLine.Option;
import wan4j.Task;
import wan4j.VideoSize;

/// The video whose sizes a benchmark takes.
final class VideoOptions {
  @Option(
      names = "--task",
      defaultValue = "i2v-A14B",
      description = "t2v-A14B, i2v-A14B, ti2v-5B or s2v-14B (default: i2v-A14B).")
  private String task;

  @Option(names = "--size", description = "Width*height (default: 1280*720, ti2v 1280*704).")
  private String size;

  @Option(
      names = {"--frames", "--frame_num"},
      paramLabel = "1..",
      description = "Frames, 4n+1 (default: the task's).")
  private Integer frames;

  Task task() {
    return Task.of(task);
  }

  VideoSize size() {
    return task().size(size, frames);
  }

  /// Returns the size that the flags name, and what they leave out from these.
  VideoSize sizeOr(String sides, int count) {
    return VideoSize.of(size == null ? sides : size, frames == null ? count : frames);
  }

  boolean isGiven() {
    return size != null || frames != null;
  }
}
