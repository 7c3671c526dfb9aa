"""What a step that builds a project says about links that lead out of it."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import pyfront_build as build
import pyfront_explain


class Links(unittest.TestCase):
    def test_links_to_what_a_build_does_not_see(self):
        with tempfile.TemporaryDirectory() as root:
            project = root + "/api"
            os.makedirs(project + "/src/api/data")
            os.makedirs(project + "/node_modules")
            links = {
                "src/api/shared.py": "../../../library/shared.py",
                "src/api/common": "../../../common",
                # Into the project, there or not; to what is there; absolute; nobody's business.
                "src/api/own.py": "data/own.py",
                "src/api/around.py": "../../../api/src/api/gone.py",
                "src/api/there": "../../../there",
                "src/api/absolute": "/nix/store/nothing",
                "node_modules/tool": "../../tool",
            }
            os.mkdir(root + "/there")
            for path, target in links.items():
                os.symlink(target, os.path.join(project, path))
            found = build.links_out(project)
        self.assertEqual(found, [("src/api/common", "../../../common"), ("src/api/shared.py", "../../../library/shared.py")])
        self.assertEqual(len(pyfront_explain.explain_links(found)), 3)
        self.assertEqual(pyfront_explain.explain_links([]), [])


unittest.main()
