"""What a worker of pytest gets at once: a file, so that what a module prepares is prepared by one worker only."""

from xdist.scheduler import LoadGroupScheduling


class FileScheduling(LoadGroupScheduling):
    """Give files to workers in the order of the collection, and what is of one `xdist_group` to one worker."""

    def __init__(self, config, log=None):
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid):
        group = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else group
