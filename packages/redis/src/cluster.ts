import { Cluster as StockCluster } from 'ioredis'

/** A client for Redis Cluster: ioredis's `Cluster`, whose connections are of our `Redis`. */
export class Cluster extends StockCluster {}
