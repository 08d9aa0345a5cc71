package wan4j.bench;

import wan4j.Task;
import wan4j.VideoSize;

/// The tokens of a video: latent frames and the rows and columns of patches in each.
record TokenGrid(int frames, int rows, int columns) {
  /// Returns the tokens of a task's video; throws `InputException` for sides that patches do not
  /// tile.
  static TokenGrid of(Task task, VideoSize size) {
    task.requireSides(size);
    int side = task.sideStep();
    return new TokenGrid(size.latentFrames(), size.height() / side, size.width() / side);
  }

  int tokens() {
    return frames * rows * columns;
  }
}
