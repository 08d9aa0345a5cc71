package wan4j.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class UserCacheTest {
  @Test
  void theFolderFollowsTheUsualVariables() {
    assertThat(UserCache.folder(Map.of("XDG_CACHE_HOME", "/x", "HOME", "/home/me")))
        .isEqualTo(Path.of("/x/wan4j"));
    assertThat(UserCache.folder(Map.of("HOME", "/home/me")))
        .isEqualTo(Path.of("/home/me/.cache/wan4j"));
  }

  @Test
  void pathsThatAreEmptyOrRelativeDoNotCount() {
    for (String path : new String[] {"", "cache"}) {
      assertThat(UserCache.folder(Map.of("XDG_CACHE_HOME", path, "HOME", "/home/me")))
          .isEqualTo(Path.of("/home/me/.cache/wan4j"));
      assertThat(UserCache.folder(Map.of("HOME", path)))
          .isEqualTo(Path.of(System.getProperty("user.home"), ".cache/wan4j"));
    }
  }
}
