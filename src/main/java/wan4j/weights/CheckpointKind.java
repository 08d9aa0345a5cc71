package wan4j.weights;

/// Which of the Wan2.2 models a checkpoint holds.
public enum CheckpointKind {
  /// Text to video, two experts.
  T2V("t2v-A14B"),
  /// Image to video, two experts.
  I2V("i2v-A14B"),
  /// Text, or text and image, to video, one transformer.
  TI2V("ti2v-5B"),
  /// Speech to video, one transformer.
  S2V("s2v-14B"),
  /// Character animation, one transformer.
  ANIMATE("animate-14B");

  private final String task;

  CheckpointKind(String task) {
    this.task = task;
  }

  /// Returns the name of the task on the command line.
  public String task() {
    return task;
  }
}
