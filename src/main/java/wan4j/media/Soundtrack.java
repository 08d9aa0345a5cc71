package wan4j.media;

/// The sound that goes with a video.
public sealed interface Soundtrack permits Sound, SoundFile {
  /// Says whether there is no sound at all.
  boolean isNone();

  /// Begins to read the sound from its start; throws `InputException` when it cannot be read.
  SoundBlocks open();
}
