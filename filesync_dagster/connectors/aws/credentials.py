"""Where credentials for AWS come from."""

import botocore.session

METADATA_PROVIDERS = ("iam-role", "container-role")
"""The members of the AWS chain that ask an address of the machine or container they run in."""


def aws_session(profile: str | None, *, use_instance_metadata: bool) -> botocore.session.Session:
    """Return a session of a profile whose chain asks no metadata service unless it may."""
    session = botocore.session.Session(profile=profile)
    if not use_instance_metadata:
        chain = session.get_component("credential_provider")
        for name in METADATA_PROVIDERS:
            chain.remove(name)
        for provider in chain.providers:
            # A profile may name the metadata service as the source of an assumed role; botocore has no public
            # way to forbid that.
            sourcer = getattr(provider, "_credential_sourcer", None)
            if sourcer is not None:
                sourcer._providers = [  # noqa: SLF001 - see above
                    p
                    for p in sourcer._providers  # noqa: SLF001 - see above
                    if p.METHOD not in METADATA_PROVIDERS
                ]
    return session
