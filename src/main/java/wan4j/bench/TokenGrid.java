package wan4j.bench;

import wan4j.Task;
import wan4j.VideoSize;
import wan4j.tensor.InputException;

/// The tokens of a video: latent frames and the rows and columns of patches in each.
record TokenGrid(int frames, int rows, int columns) {
  /// Returns the tokens of a task's video; throws `InputException` for sides that patches do not
  /// tile.
  static TokenGrid of(Task task, VideoSize size) {
    int side = task == Task.TI2V_5B ? 32 : 16;
    if (size.width() % side != 0 || size.height() % side != 0) {
      throw new InputException(
          "--size got %s; the sides of a %s video are multiples of %d"
              .formatted(size.sides(), task.spelling(), side));
    }
    return new TokenGrid(size.latentFrames(), size.height() / side, size.width() / side);
  }

  int tokens() {
    return frames * rows * columns;
  }
}
