import type { ReactElement } from 'react';
import { Link } from 'wouter';
import mark from '../assets/mark.svg';
import { texts } from './texts.js';
import classes from './shell.module.css';

export function Brand(): ReactElement {
  return (
    <Link href="/" className={classes['brand']}>
      <img src={mark} width={26} height={26} alt="" />
      {texts.brand.name}
    </Link>
  );
}
