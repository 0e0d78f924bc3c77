"""Everything that knows verl's insides (verl 0.9.1). seams.py lists each function of verl that AWPO wraps or calls.

A rollout's way from its reward to the loss:

    reward worker    rewards/manager.py    run_single: outcome, reasoning -> RewardParts.as_info
    verl             agent loop            reward_extra_info, in TransferQueue as a row's `extra_fields`
    trainer          seam_v1.py            compute_advantage: fetches the parts; compute_for_sessions: sessions, padding
                     seam_legacy.py        the same for the legacy trainer, which has the parts in its batch
                     step.py               Step.estimate: decodes the parts, watches judge and learning
                     algorithm/            estimate: a missing reward becomes its group's mean; advantages, clip scale
                     seam_v1.py            advantages over the tokens, clip scale into TransferQueue
    actor            seam_loss.py          ppo_loss: the clip scale of each row reaches the policy loss
"""
