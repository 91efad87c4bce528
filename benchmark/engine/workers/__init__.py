"""Spreads generation over several processes and machines with Ray.

    ray_connection   starts Ray on this machine, or connects to a cluster
    engine_worker    the Ray actor: one engine, which answers one shard of prompts after the other
    shards           cuts the prompts into shards, so that prompts with the same beginning stay together
    worker_pool      hands out the shards, and hands a shard out again if its worker died

Only the calling process writes ledgers. Ray is imported only if several workers or a cluster were asked for.
"""
