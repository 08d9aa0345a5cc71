package wan4j.media.ffmpeg;

/// What accompanies the pictures of a video file.
public sealed interface SoundTrack extends AutoCloseable permits SoundStream, SoundTrack.Silence {
  /// The track of a video without sound.
  SoundTrack SILENCE = new Silence();

  /// Says whether the sound goes on after a time; a video without sound ends nowhere.
  boolean lastsBeyond(double seconds);

  /// Adds the sound up to a time, so that sound and pictures lie side by side in the file.
  void addUntil(double seconds);

  /// Adds what is left until a time and writes what the codec still holds.
  void finish(double seconds);

  @Override
  void close();

  /// Does nothing.
  final class Silence implements SoundTrack {
    private Silence() {}

    @Override
    public boolean lastsBeyond(double seconds) {
      return true;
    }

    @Override
    public void addUntil(double seconds) {}

    @Override
    public void finish(double seconds) {}

    @Override
    public void close() {}
  }
}
