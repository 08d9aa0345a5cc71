package wan4j.cpu;

import wan4j.ops.Ops;
import wan4j.ops.OpsContract;

/// The contract over our own matrix product, as on machines without OpenBLAS.
class VectorGemmOpsTest extends OpsContract {
  @Override
  protected Ops ops() {
    return new CpuOps(new VectorGemm());
  }

  @Override
  protected double tolerance() {
    return 1e-6;
  }
}
