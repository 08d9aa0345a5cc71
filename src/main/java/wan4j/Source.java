package wan4j;

import java.nio.file.Path;
import java.util.Objects;
import wan4j.media.CharacterVideos;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.pipeline.SpeechToVideo;
import wan4j.tensor.InputException;

/// What a video is made from beside its prompt.
public sealed interface Source {
  /// The prompt is all there is.
  Source TEXT = new Text();

  /// The prompt is all there is.
  record Text() implements Source {}

  /// The video begins with a picture, which gives its aspect, and ends with another one, or with
  /// what the model makes of it where `last` is null.
  record Image(Picture picture, Picture last) implements Source {
    /// Requires the first picture.
    public Image {
      Objects.requireNonNull(picture, "picture");
    }

    /// The end is the model's.
    public Image(Picture picture) {
      this(picture, null);
    }
  }

  /// The subject of a picture, which gives the video's aspect, speaks or sings a sound.
  ///
  /// @param picture the subject
  /// @param sound what it speaks; the network hears it mono at 16 kHz
  /// @param poses a video of drawn poses that it follows, or null for none
  /// @param clips how the video is cut into clips
  record Speech(Picture picture, Sound sound, Path poses, Clips clips) implements Source {
    /// The samples a second that the network hears.
    public static final int SOUND_RATE = SpeechToVideo.SOUND_RATE;

    /// Requires picture, sound and clips.
    public Speech {
      Objects.requireNonNull(picture, "picture is null");
      Objects.requireNonNull(sound, "sound is null");
      Objects.requireNonNull(clips, "clips is null");
    }

    /// Returns how many clips the video has.
    public int count() {
      return cut().clips(samples());
    }

    /// Returns how many frames the video has.
    public long frames() {
      return cut().videoFrames(count());
    }

    private SpeechToVideo.Cut cut() {
      return new SpeechToVideo.Cut(clips.frames, clips.most, clips.startsFromPicture);
    }

    private long samples() {
      return Math.ceilDiv((long) sound.length() * SOUND_RATE, (long) sound.rate());
    }

    /// Returns the same of at most so many clips.
    public Speech ofAtMost(int most) {
      Clips fewer = new Clips(clips.frames, Math.min(most, clips.most), clips.startsFromPicture);
      return new Speech(picture, sound, poses, fewer);
    }
  }

  /// How the video of a sound is cut into clips; bad values are refused with an `InputException`.
  ///
  /// @param frames frames of a clip, a multiple of 4
  /// @param most how many clips there are at most; else as many as the sound fills
  /// @param startsFromPicture whether the first frame is the picture
  record Clips(int frames, int most, boolean startsFromPicture) {
    /// Clips of 80 frames, as many as the sound fills.
    public static final Clips USUAL = new Clips(80, Integer.MAX_VALUE, false);

    private static final int STEP = 4;
    private static final int MOST_FRAMES = 400; // 25 seconds

    /// Checks the values.
    public Clips {
      if (frames < STEP || frames % STEP != 0 || frames > MOST_FRAMES) {
        int below = Math.clamp(frames - frames % STEP, STEP, MOST_FRAMES);
        throw new InputException(
            "--infer_frames got %d; it takes a multiple of 4 from 4 to %d: try %d, or the usual 80"
                .formatted(frames, MOST_FRAMES, below));
      }
      if (most < 1) {
        throw new InputException(
            "--num_clip got %d; it takes 1 or more, or leave it out for as many as the sound fills"
                .formatted(most));
      }
    }

    /// Returns how many frames the first clip keeps at least; all where it begins with the picture.
    public int leastFrames() {
      return frames - SpeechToVideo.DROPPED;
    }

    /// Returns how far into its sound the video begins, in seconds.
    public double soundStart() {
      return startsFromPicture
          ? 0
          : (double) SpeechToVideo.DROPPED / SpeechToVideo.FRAMES_PER_SECOND;
    }
  }

  /// A character moves as a driving video says, or replaces the one in it; the request's size gives
  /// the frames of a clip, the videos give all else.
  ///
  /// @param videos what preprocessing makes of the character and the driving video
  /// @param overlap how many frames of a clip the next one is given, 1 or 5
  record Animation(CharacterVideos videos, int overlap) implements Source {
    /// Requires the videos.
    public Animation {
      Objects.requireNonNull(videos, "videos is null");
    }

    /// Returns the same of at most so many clips of so many frames.
    public Animation ofAtMost(int most, int clipFrames) {
      return new Animation(videos.first(most * (clipFrames - overlap) + overlap), overlap);
    }
  }
}
